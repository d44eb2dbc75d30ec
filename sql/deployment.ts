import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

const row = z.strictObject({ deploymentId: z.string() });

/** What tells this deployment from another one that shares its Redis: drawn once, when the schema was made. */
export async function getDeploymentId(db: CommonQueryMethods): Promise<string> {
  const { deploymentId } = await db.one(sql.type(row)`
    select deployment_id as "deploymentId" from rtmanager.deployment`);
  return deploymentId;
}

/** Rejects unless the database has its tables and is that deployment's: not one that is being restored, or another one. */
export async function assertDeployment(db: CommonQueryMethods, expected: string): Promise<void> {
  const found = await db.maybeOne(sql.type(row)`
    select deployment_id as "deploymentId" from rtmanager.deployment`);
  if (!found) throw new Error('table rtmanager.deployment is empty; is the database being restored?');
  if (found.deploymentId !== expected)
    throw new Error(
      `the database is of deployment ${found.deploymentId}, this replica of ${expected}; restart it`,
    );
}
