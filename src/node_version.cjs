/** Before anything else of a command: what this project is written in, an older Node can't even read. */
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node ${process.versions.node} is too old: this needs 20.19 or newer`)
  process.exit(1)
}
