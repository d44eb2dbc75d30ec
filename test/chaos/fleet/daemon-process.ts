// A Docker daemon in a process of its own, so that it does not compete with those who ask; see daemon-beside.ts.
import { type DaemonView, makePacedDaemon, type Pace } from './paced-daemon.ts';

const pace = JSON.parse(process.argv[2] ?? '') as Pace;
const daemon = await makePacedDaemon(() => pace);

/** What it says first, and whenever it is asked. */
export interface DaemonReport extends DaemonView {
  readonly host: string;
}
const report = (): void =>
  void process.send?.({ host: daemon.host, ...daemon.look() } satisfies DaemonReport);

process.on('message', report);
process.on('SIGTERM', () => void daemon.close().then(() => process.exit(0)));
// It lives no longer than those who made it.
process.on('disconnect', () => process.exit(0));
report();
