import type { FastifyContextConfig, FastifyInstance } from 'fastify'

const OPEN: unique symbol = Symbol('oauth2 route that tokens do not guard')

/** Marks the routes of a scope as open: hooks of an enclosing scope reach them too, and clients come here for tokens. */
export function openRoutes(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, [OPEN]: true } as FastifyContextConfig
  })
}

/** Whether this is the `config` of such a route. */
export function isOpen(config: FastifyContextConfig): boolean {
  return OPEN in config
}
