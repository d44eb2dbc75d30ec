import type { Explanation, Finding, HealthEvent } from '../answers.ts';
import { harmless, oneLine, shortId, table } from '../layout.ts';
import { showOperations, showRuntime } from './reads.ts';
import { showSteps } from './show-plan.ts';

/** The cause first, then what to do and what RTM does, and under that what it was concluded from. */
export function showExplanation(explanation: Explanation): string {
  const { cause, findings, next, runtime, docker, redis, exit, log_tail, queue, reconcile } = explanation;
  const { operations, health_events } = explanation;
  const away = [docker, redis].flatMap(({ reachable, message }, place) =>
    reachable ? [] : [`${place === 0 ? 'Docker' : 'Redis'} does not answer: ${oneLine(message)}`],
  );
  const when = next.at === null ? '' : ` (${next.at})`;
  return harmless(
    [
      `${cause}: ${oneLine(explanation.summary)}`,
      ...findings.flatMap((finding) => showFinding(finding, explanation.summary)),
      `\nNext: ${oneLine(next.message)}${when}`,
      ...away,
      ...section('Record', runtime && showRuntime(runtime)),
      ...section('Containers', showContainers(docker.containers)),
      ...section('How it ended', exit && showExit(exit)),
      ...section('Last lines', log_tail?.lines.map(quoted).join('\n')),
      ...section('Waiting, next first', queue.length > 0 && showOperations(queue)),
      ...section('Done, newest first', operations.length > 0 && showOperations(operations)),
      ...section('Health, newest first', health_events.length > 0 && showEvents(health_events)),
      ...section('What reconcile will do', reconcile && showSteps([reconcile])),
    ].join('\n'),
  );
}

/** A line of the engine, which cannot pass for a heading or an advice of rtmctl's own. */
const quoted = (text: string): string => `  | ${oneLine(text)}`;

const section = (title: string, text: string | null | undefined | false): readonly string[] =>
  text ? [`\n${title}\n${text}`] : [];

/** The finding that the cause is taken from has been told by the summary: only what to do is left of it. */
function showFinding({ severity, message, advice }: Finding, summary: string): readonly string[] {
  const isTold = message === summary;
  return [
    ...(isTold ? [] : [`  ${severity}: ${oneLine(message)}`]),
    ...(advice === null ? [] : [`${isTold ? '  ' : '    '}What to do: ${advice}`]),
  ];
}

const showExit = ({
  container_id,
  exit_code,
  oom_killed,
  finished_at,
}: NonNullable<Explanation['exit']>): string =>
  `container ${shortId(container_id)} ended with ${exit_code}${oom_killed ? ', out of memory' : ''}, ${finished_at}`;

const showContainers = (containers: Explanation['docker']['containers']): string | false =>
  containers.length > 0 &&
  table(
    ['ID', 'NAME', 'STATE', 'EXIT', 'FINISHED', 'RECORDED', 'OURS'],
    containers.map((one) => [
      shortId(one.container_id),
      one.name,
      one.state,
      one.exit_code,
      one.finished_at,
      one.recorded ? 'yes' : 'no',
      one.owned ? 'yes' : 'no',
    ]),
  );

const showEvents = (events: readonly HealthEvent[]): string =>
  table(
    ['WHEN', 'EVENT', 'CONTAINER', 'DETAILS'],
    events.map((one) => [
      one.occurred_at,
      one.event_type,
      shortId(one.container_id),
      JSON.stringify(one.details),
    ]),
  );
