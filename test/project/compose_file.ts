/** docker-compose.yml as Compose reads it, and what is known of the images in it. */
import { readdirSync, readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { instructionsOf, readStages } from '../support/dockerfile.ts'

interface Service {
  image: string
  build?: { context: string; target: string }
  command?: string[]
  /** Without a value, what the environment or `.env` has, or else nothing. */
  environment?: Record<string, string | null>
  ports?: string[]
  volumes?: string[]
  healthcheck?: { test?: string[]; disable?: boolean }
  depends_on?: Record<string, { condition: string }>
  restart?: string
}

/** Other people's images: the variables that their documentation lists, their port and volume. */
const IMAGES: Record<string, { variables: RegExp; port: number; volume?: string }> = {
  postgres: {
    variables: /^(POSTGRES_(USER|PASSWORD|DB)|PG(HOST|PORT|DATABASE|USER|PASSWORD))$/,
    port: 5432,
    volume: '/var/lib/postgresql/data',
  },
  redis: { variables: /^$/, port: 6379, volume: '/data' },
  'hiett/serverless-redis-http': {
    variables: /^SRH_(MODE|TOKEN|CONNECTION_STRING|MAX_CONNECTIONS|PORT)$/,
    port: 80,
  },
}

export const text = readFileSync('docker-compose.yml', 'utf8')
/** As Compose reads it when only what has to be set is, to something that names it. */
const withDefaults = (_: unknown, value: unknown) =>
  typeof value === 'string'
    ? value.replace(
      /\$\{(\w+):(-|\?)([^}]*)\}/g,
      (_, name, kind, rest) => kind === '-' ? rest : name,
    )
    : value
export const required = [...new Set([...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!))]
export const compose = parse(text, withDefaults, { merge: true }) as {
  services: Record<string, Service>
  volumes: Record<string, unknown>
}
export const services = Object.entries(compose.services).map(([name, service]) => ({
  name,
  ...service,
}))
export const stages = readStages()
export const migrations = readdirSync('db/migrations')
  .map((file) => readFileSync(`db/migrations/${file}`, 'utf8')).join('\n')

/** What is set by Compose itself. */
export const valuesOf = ({ environment = {} }: Service) =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null)) as Record<
    string,
    string
  >

export const imageOf = (service: Service) => IMAGES[service.image.split(':')[0]!]!
export const stageOf = (service: Service) =>
  stages.find(({ name }) => name === service.build?.target)!

export function portOf(service: Service): number {
  return service.build
    ? Number(instructionsOf(stageOf(service), 'EXPOSE')[0])
    : imageOf(service).port
}

/** The settings that loadConfig() knows. */
export const settings = [...readFileSync('.env.example', 'utf8').matchAll(/^#([A-Z_]+)=/gm)]
  .map(([, key]) => key)
