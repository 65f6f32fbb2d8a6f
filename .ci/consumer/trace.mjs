// What the spans of `liveThrough` must say, whichever SDK recorded them.
import assert from 'node:assert/strict'

const idsOf = (links) => links.map(({ context }) => context.spanId)

export function assertSpans(spans) {
  const named = (name) => spans.filter((span) => span.name === `oauth2.token.${name}`)
  const [, direct, renewed, ...moreIssued] = named('issue')
  const [refreshed, reused, ...moreRefreshed] = named('refresh')
  const [swept] = named('revoke_all')
  assert.deepEqual([moreIssued.length, moreRefreshed.length, named('validate').length], [0, 0, 2])

  assert.equal(renewed.parentSpanContext.spanId, refreshed.spanContext().spanId)
  assert.deepEqual(idsOf(refreshed.links), [direct.spanContext().spanId])
  assert.deepEqual(idsOf(reused.links), [direct.spanContext().spanId, refreshed.spanContext().spanId])
  assert.equal(reused.status.message, 'Refresh token reuse detected')
  assert.equal(reused.events[0].name, 'refresh_token_reuse_detected')
  assert.equal(swept.parentSpanContext.spanId, reused.spanContext().spanId)
  console.log(`  proved: ${spans.length} spans, each refresh linked to the span that issued its token`)
}
