import { execFileSync } from 'node:child_process'
import t from 'tap'

const { EXPECTED_NODE = '' } = process.env

t.test(`tests, and the processes that they start, run on Node ${EXPECTED_NODE}`, async (t) => {
  const child = execFileSync('node', ['--print', 'process.version'], { encoding: 'utf8' }).trim()
  t.match(`${process.version}.`, `v${EXPECTED_NODE}.`, `this test runs on ${process.version}`)
  t.match(`${child}.`, `v${EXPECTED_NODE}.`, `its child process runs on ${child}`)
})
