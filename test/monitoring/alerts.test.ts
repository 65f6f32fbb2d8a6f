import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const rules = fileURLToPath(new URL('../../monitoring/prometheus/alerts.yml', import.meta.url))
const ruleTests = fileURLToPath(new URL('../../monitoring/prometheus/alerts.test.yml', import.meta.url))

// The two thousand evaluations of a normal week take about 15 seconds of processor time; a busy machine needs longer.
t.setTimeout(110_000)

t.test('promtool finds the alerts well-formed', async (t) => {
  await promtool(t, 'check', 'rules', rules)
})

t.test('every alert fires on its cause and stays silent on a normal day', async (t) => {
  await promtool(t, 'test', 'rules', ruleTests)
})

async function promtool(t: Test, ...args: string[]): Promise<void> {
  const child = spawn('promtool', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
    t.equal(code, 0, `promtool ${args.slice(0, 2).join(' ')} succeeds`)
    if (code !== 0) t.comment(`${stdout}${stderr}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    reportMissing(t)
  }
}

// On a laptop the alerts may go untested, but not unnoticed; where the result counts they may not.
function reportMissing(t: Test): void {
  const message = 'promtool is not installed: the alerts are NOT tested (Debian and Ubuntu: apt install prometheus)'
  if (process.env.CI) {
    t.fail(message)
    return
  }
  console.error(message)
  t.pass(message, { skip: message })
}
