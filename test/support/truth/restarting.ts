import { assertTruth } from './truth.ts'
import type { Step } from './world.ts'

/**
 * The server ends, and another begins to count where nothing has been counted, on the same tokens. It may find some
 * that have expired meanwhile, or before.
 */
export const restart: Step = async (world) => {
  if (world.random.chance(0.5)) await assertTruth(world)
  await world.running.server.close()
  world.running = await world.start()
  world.model.ledger.metrics.startAnew()
}
