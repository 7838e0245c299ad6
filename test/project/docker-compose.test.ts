import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { instructionsOf } from '../support/dockerfile.ts'
import {
  compose,
  imageOf,
  migrations,
  portOf,
  required,
  services,
  settings,
  stageOf,
  stages,
  text,
  valuesOf,
} from './compose_file.ts'

test('no password has a default, and whatever has none says where to read about it', () => {
  const bare = text.replace(/^#.*$/gm, '').replace(/\$\{\w+_PORT:-\d+\}|\$\{PORT:-\d+\}/g, '')
  expect(bare.replace(/\$\{\w+:\?see the top of docker-compose\.yml\}/g, '')).not.toContain('$')
  const [head] = text.split('\nname:')
  for (const name of required) expect(head).toContain(name)
})

test('the service gets every setting, but for those that the image or `npm start` decides', () => {
  const decided = ['PORT', 'HOST', 'MIGRATE_DATABASE_URL', 'DATA_DIR']
  const passed = Object.keys(compose.services['ledger']!.environment!)
  expect(new Set(passed)).toEqual(new Set(settings.filter((key) => !decided.includes(key!))))
})

test('access is not off unless .env says so', () => {
  const HOST = '0.0.0.0'
  expect(instructionsOf(stageOf(compose.services['ledger']!), 'ENV').join(' ')).toContain(HOST)
  const start = (more: object) =>
    loadConfig({ HOST, ...valuesOf(compose.services['ledger']!), ...more })
  expect(() => start({})).toThrow(/^HOST /)
  expect(start({ ACCESS: 'off' }).accessTokensFile).toBeUndefined()
})

test('a file of tokens is found under the same name inside of the container and outside', () => {
  const { volumes } = compose.services['ledger']!
  expect(volumes).toEqual(['./access:/app/access:ro'])
  for (const stage of stages.filter(({ name }) => name !== 'build')) {
    expect(instructionsOf(stage, 'WORKDIR')).toEqual(['/app'])
  }
  expect(readFileSync('.gitignore', 'utf8').split('\n')).toContain('/access/')
})

describe.each(services)('$name', (service) => {
  const environment = Object.entries(valuesOf(service))

  test('is built from a stage of the Dockerfile, or is a known image with its version', () => {
    if (service.build) {
      expect(stages.map(({ name }) => name)).toContain(service.build.target)
      expect(existsSync(`${service.build.context}/Dockerfile`)).toBe(true)
    } else {expect(service.image).toMatch(
        /^(postgres:16|redis:7-alpine|hiett\/[\w-]+:\d+\.\d+\.\d+)$/,
      )}
  })

  test('sets only variables that its image reads', () => {
    for (const [key] of environment) {
      if (service.build) expect(settings).toContain(key)
      // What psql's \getenv reads is in the command.
      else if (!service.command?.join('\n').includes(`\\getenv password ${key}\n`)) {
        expect(key).toMatch(imageOf(service).variables)
      }
    }
  })

  test('has settings that the service accepts', () => {
    expect(() => service.build && loadConfig(valuesOf(service))).not.toThrow()
  })

  test('names services, ports, databases and roles that exist', () => {
    const { POSTGRES_DB, POSTGRES_USER } = compose.services['postgres']!.environment!
    const roles = [
      POSTGRES_USER,
      ...[...migrations.matchAll(/'(ledger_\w+)'/g)].map((m) => m[1]),
    ]
    for (const [key, value] of environment) {
      if (value.includes('://')) {
        // WHATWG drops a default port of http only; the host must then listen on 80.
        const url = new URL(value)
        expect(Object.keys(compose.services), key).toContain(url.hostname)
        expect(Number(url.port || 80), key).toBe(portOf(compose.services[url.hostname]!))
        if (url.protocol === 'postgres:') {
          expect(url.pathname, key).toBe(`/${POSTGRES_DB}`)
          expect(roles, key).toContain(url.username)
        }
      }
      if (key === 'PGHOST') expect(value).toBe('postgres')
      if (key === 'PGDATABASE') expect(value).toBe(POSTGRES_DB)
      if (key === 'PGUSER') expect(value).toBe(POSTGRES_USER)
    }
    const [, altered] = /alter role (\w+)/.exec(service.command?.join('\n') ?? '') ?? []
    if (altered) expect(roles).toContain(altered)
  })

  test('publishes the port that it listens on, to this machine only', () => {
    for (const port of service.ports ?? []) {
      expect(port).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+:${portOf(service)}$`))
    }
  })

  test('mounts volumes that exist where its image keeps its data', () => {
    for (const mount of service.build ? [] : service.volumes ?? []) {
      const [volume, path] = mount.split(':')
      expect(Object.keys(compose.volumes)).toContain(volume)
      expect(path).toBe(imageOf(service).volume)
    }
  })

  test('runs a file that is in its image', () => {
    const [program, file] = service.command ?? []
    if (program !== 'node') return
    expect(existsSync(file!), file).toBe(true)
    expect(instructionsOf(stageOf(service), 'COPY')).toContain(`${file} ${file}`)
  })

  test('waits for services that can reach what it waits for', () => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      const other = compose.services[name]
      expect(other, name).toBeDefined()
      if (condition === 'service_healthy') expect(other!.healthcheck?.test, name).toBeDefined()
      else if (condition === 'service_completed_successfully') {
        expect(other!.restart, name).toBeUndefined()
        expect(other!.command, name).toBeDefined()
      } else expect(condition, name).toBe('service_started')
    }
  })
})

test('the service waits for PostgreSQL, Redis, the migrations and its password', () => {
  expect(compose.services['ledger']!.depends_on).toMatchObject({
    postgres: { condition: 'service_healthy' },
    redis: { condition: 'service_healthy' },
    migrate: { condition: 'service_completed_successfully' },
    login: { condition: 'service_completed_successfully' },
  })
})

test('PostgreSQL and the login read the same passwords, and so do Redis and the service', () => {
  const value = (name: string, key: string) => valuesOf(compose.services[name]!)[key]!
  const password = (name: string) => new URL(value(name, 'DATABASE_URL')).password
  expect(password('migrate')).toBe(value('postgres', 'POSTGRES_PASSWORD'))
  expect(value('login', 'PGPASSWORD')).toBe(value('postgres', 'POSTGRES_PASSWORD'))
  expect(password('ledger')).toBe(value('login', 'LEDGER_SERVICE_PASSWORD'))
  expect(value('ledger', 'UPSTASH_REDIS_REST_TOKEN')).toBe(value('redis_rest', 'SRH_TOKEN'))
})

test('every volume is mounted', () => {
  const mounted = services.flatMap(({ volumes = [] }) =>
    volumes.map((mount) => mount.split(':')[0]!).filter((name) => !name.startsWith('.'))
  )
  expect(Object.keys(compose.volumes)).toEqual(mounted)
})

test('docker compose accepts it', ({ skip }) => {
  const plugin = spawnSync('docker', ['compose', 'version'])
  skip(plugin.status !== 0, 'needs the docker CLI with its compose plugin')
  const { status, stderr } = spawnSync('docker', ['compose', 'config', '-q'], {
    encoding: 'utf8',
    env: { ...process.env, ...Object.fromEntries(required.map((name) => [name, name])) },
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
})
