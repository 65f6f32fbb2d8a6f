import fastify from 'fastify'
import { announce } from './channel.ts'

const app = fastify()
app.get('/orders', async () => ({ ok: true }))
await app.listen({ port: 0, host: '127.0.0.1' })
announce(app.server)
