import { z } from 'zod';
import { RuntimeError } from '../lib/errors.ts';
import { SNAPSHOT_STATUSES } from '../lib/health.ts';
import { RUNTIME_STATUSES } from '../lib/runtime-record.ts';
import { FLEET_ORDERS, type FleetOrder, type FleetQuery } from '../sql/fleet-page.ts';

const MOST_ROWS = 200;
const MOST_TEXT = 128;
const STATUS = [...RUNTIME_STATUSES, 'any'] as const;
const HEALTH = [...SNAPSHOT_STATUSES, 'attention', 'none'];

/** A whole number as it stands in a query. */
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most));

/** Each parameter, with the form that it is accepted in. */
const PARAMETERS = {
  text: [
    z
      .string()
      .max(MOST_TEXT)
      .regex(/^\P{Cc}*$/u),
    `at most ${MOST_TEXT} characters, none of them a control character`,
  ],
  status: [z.enum(STATUS), `one of ${STATUS.join(', ')}`],
  health: [z.enum(HEALTH), `one of ${HEALTH.join(', ')}`],
  order: [z.enum(FLEET_ORDERS as [FleetOrder, ...FleetOrder[]]), `one of ${FLEET_ORDERS.join(', ')}`],
  limit: [whole(1, MOST_ROWS), `a whole number from 1 to ${MOST_ROWS}`],
  offset: [whole(0, 999_999_999), 'a whole number from 0'],
} as const;

const fleetQuery = z.strictObject({
  text: PARAMETERS.text[0].optional(),
  status: PARAMETERS.status[0].optional(),
  health: PARAMETERS.health[0].optional(),
  order: PARAMETERS.order[0].default('attention'),
  limit: PARAMETERS.limit[0].default(100),
  offset: PARAMETERS.offset[0].default(0),
});

/** The query of a list of games. Throws `invalid_request`, which names the parameter and what is accepted. */
export function parseFleetQuery(raw: unknown): FleetQuery {
  const parsed = fleetQuery.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? '');
  if (!(name in PARAMETERS)) {
    const known = Object.keys(PARAMETERS).join(', ');
    throw new RuntimeError('invalid_request', `a query parameter is unknown; known: ${known}`);
  }
  const [, accepted] = PARAMETERS[name as keyof typeof PARAMETERS];
  throw new RuntimeError('invalid_request', `query parameter "${name}" must be ${accepted}`);
}
