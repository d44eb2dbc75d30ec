import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';

const row = z.strictObject({ deploymentId: z.string() });

/** What tells this deployment from another one that shares its Redis: drawn once, when the schema was made. */
export async function getDeploymentId(db: CommonQueryMethods): Promise<string> {
  const { deploymentId } = await db.one(sql.type(row)`
    select deployment_id as "deploymentId" from rtmanager.deployment`);
  return deploymentId;
}
