import { readFileSync } from 'node:fs';
import { findOnPath } from './find-on-path.mjs';

/** Why Debian packages cannot be installed here, or nothing when they can. */
export function obstacleToInstalling() {
  if (process.getuid?.() !== 0) return 'that takes root';
  if (!isDebian() || !findOnPath('apt-get')) return 'packages are installed on Debian only';
  return undefined;
}

/** The one message about everything that is missing and cannot be had here. */
export function describeMissing(missing) {
  const list = missing.map((item) => `  - ${item.what}\n    ${item.instead}`).join('\n');
  return `This machine lacks:\n${list}\nNothing was installed: ${obstacleToInstalling() ?? 'no package brings all of it'}.`;
}

/** Whether everything missing comes with Debian packages that may be installed. */
export function canInstallAll(missing) {
  return obstacleToInstalling() === undefined && missing.every((item) => item.debianPackage);
}

/** Debian or one of its descendants. */
export function isDebian() {
  try {
    return /^(ID|ID_LIKE)=.*\bdebian\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
