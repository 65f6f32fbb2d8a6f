import { isClientId } from '../oauth/clients/clients.ts'
import { CLIENT_OTHER, CLIENT_UNKNOWN } from './conventions.ts'

/** Gives clients the label under which they are counted. */
export interface ClientLabels {
  /** The label of a proven client id, or of none. */
  label(clientId: string | undefined): string
}

export interface ClientLabelOptions {
  /** The clients there are; they come first. */
  readonly known: readonly string[]
  /** Whether proven clients that are not known get labels too: true where there is no complete list. */
  readonly open: boolean
  /** At most so many labels. */
  readonly limit: number
}

/** Labels are earned: known clients have one, proven ones get one while there is room, the rest share `_other`. */
export function clientLabels({ known, open, limit }: ClientLabelOptions): ClientLabels {
  const labelled = new Set(known.slice(0, limit))
  const unlabelled = new Set(known.slice(limit))
  return {
    label(clientId) {
      if (clientId === undefined) return CLIENT_UNKNOWN
      if (labelled.has(clientId)) return clientId
      // A foreign issuer may call its clients anything.
      if (open ? !isClientId(clientId) : !unlabelled.has(clientId)) return CLIENT_UNKNOWN
      if (open && labelled.size < limit) {
        labelled.add(clientId)
        return clientId
      }
      return CLIENT_OTHER
    }
  }
}
