import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { audience, issuer, scope } from '../scenario.ts'
import { announce, settings } from './channel.ts'

export interface ExpressSettings {
  publicKey: string
}

const { publicKey } = settings<ExpressSettings>()

const app = express()
app.get(
  '/orders',
  auth({ issuer, audience, publicKey, tokenSigningAlg: 'RS256', strict: true }),
  requiredScopes(scope),
  (_, response) => {
    response.json({ ok: true })
  }
)
const server = app.listen(0, '127.0.0.1', () => announce(server))
