import { ROOT_DIR } from '../../dev/paths.ts';
import { docker, GAME_IMAGE } from './docker.ts';

// docker-modem parses an answer that happens to be JSON; with this in front it is never that.
const MARK = 'said ';

const PRELUDE = `
  const say = (value) => console.log(${JSON.stringify(MARK)} + JSON.stringify(value));
  const pause = () => new Promise((resume) => setTimeout(resume, 50));
  const ask = async (url) => {
    for (let tries = 0; tries < 100; tries += 1) {
      try { return await fetch(url); } catch { await pause(); }
    }
    throw new Error('nobody answers at ' + url);
  };`;

/**
 * Runs an ES module of a few lines in a container of its own on a network, where Docker's DNS answers, and returns
 * what it hands to `say`. `ask(url)` fetches as soon as somebody listens there. The sources are under /rtm, without the
 * packages that some of them need.
 */
export async function runInside(network: string, script: string): Promise<unknown> {
  const container = await docker.createContainer({
    Image: GAME_IMAGE,
    Entrypoint: ['node', '--input-type=module', '-e', PRELUDE + script],
    HostConfig: { NetworkMode: network, Binds: [`${ROOT_DIR}:/rtm:ro`] },
    Tty: true, // so that the log is plain text and not framed
  });
  await container.start();
  await container.wait();
  const said = String(await container.logs({ stdout: true, stderr: true }));
  await container.remove({ v: true });
  if (!said.startsWith(MARK)) throw new Error(`the script inside the network failed: ${said}`);
  return JSON.parse(said.slice(MARK.length));
}
