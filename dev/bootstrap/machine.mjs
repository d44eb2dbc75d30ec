import { aptInstall } from '../machine/apt.mjs';
import { missingChromium } from '../machine/chromium.mjs';
import { lookForDocker, missingDocker } from '../machine/docker.mjs';
import { canInstallAll, describeMissing } from '../machine/missing.mjs';
import { missingNginx } from '../machine/nginx.mjs';
import { missingPgbouncer } from '../machine/pgbouncer.mjs';
import { missingRedis, missingServices } from '../machine/services.mjs';
import { timed } from './process.mjs';

/**
 * What a command needs and this machine lacks, each with its Debian package. Throws one message when something is
 * missing that cannot be installed, before anything at all is fetched. What depends on a registry is looked at later,
 * when Docker is there to ask one.
 */
export async function missingFor(command) {
  if (!['demo', 'dev', 'test'].includes(command)) return [];
  const docker = await lookForDocker();
  const services = command === 'test' ? missingForTests(docker) : missingServices();
  const missing = [missingDocker(docker), ...services].filter(Boolean);
  if (missing.length > 0 && !canInstallAll(missing)) throw new Error(describeMissing(missing));
  return missing;
}

/** Installs the packages of all of it, then does what is left to do for each, such as unpacking a program. */
export async function installPackages(missing, say) {
  if (missing.length === 0) return;
  const packages = missing.map((item) => item.debianPackage);
  await timed(`Debian packages ${packages.join(', ')}`, 'installed', say, () => aptInstall(packages));
  for (const { afterwards } of missing) await afterwards?.();
}

function missingForTests(docker) {
  const isGiven = docker.state === 'answers' || process.env.TEST_REDIS_ADDR || process.env.REDIS_IMAGE;
  const instead = 'set TEST_REDIS_ADDR to a Redis, or REDIS_IMAGE to an image of one';
  return [isGiven ? undefined : missingRedis(instead), missingPgbouncer(), missingChromium(), missingNginx()];
}
