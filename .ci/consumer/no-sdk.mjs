// What a newcomer has: the plugin, no OpenTelemetry SDK of their own.

import Fastify from 'fastify'
import oauthTelemetry from 'fastify-oauth-telemetry'
import { liveThrough, options } from './life.mjs'

const fastify = Fastify()
await fastify.register(oauthTelemetry, options)
await liveThrough(fastify)
await fastify.close()
