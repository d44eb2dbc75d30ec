import type { Facts } from './facts.ts';
import { type Cause, type Found, type Rule, SEVERITIES, type Severity } from './rule.ts';
import { ENDING_RULES } from './rules-endings.ts';
import { FAILURE_RULES } from './rules-failures.ts';
import { HEALTH_RULES } from './rules-health.ts';
import { STATE_RULES } from './rules-state.ts';
import { OBSTACLE_RULES, WORK_RULES } from './rules-work.ts';

/** Within a severity the earlier rule says more about the present state, and the first finding is the cause. */
const RULES: readonly Rule[] = [
  ...OBSTACLE_RULES,
  ...FAILURE_RULES,
  ...ENDING_RULES,
  ...HEALTH_RULES,
  ...WORK_RULES,
  ...STATE_RULES,
];

export interface Finding extends Found {
  readonly code: Cause;
  readonly severity: Severity;
}

/** Everything that stands out about a game, the most urgent first; never nothing. */
export function diagnose(facts: Facts): [Finding, ...Finding[]] {
  const findings = RULES.flatMap(({ code, severity, find }) => {
    const found = find(facts);
    return found ? [{ ...found, code, severity }] : [];
  });
  const [first, ...others] = SEVERITIES.flatMap((severity) =>
    findings.filter((one) => one.severity === severity),
  );
  return [first ?? UNEXPLAINED, ...others];
}

/** No rule fits: the game is in a state that only a newer version knows. */
const UNEXPLAINED: Finding = {
  code: 'unexplained',
  severity: 'warning',
  message: 'This version of Runtime Manager has no explanation for the state that the game is in.',
  evidence: [],
  advice: 'Read the record and the operations.',
};
