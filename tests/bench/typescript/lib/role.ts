import * as iam from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";

export interface RoleProps {
  assumedBy: iam.IPrincipal;
  description: string;
  statements?: iam.PolicyStatement[];
}

export function grantedRole(scope: Construct, name: string, props: RoleProps): [iam.IRole, iam.ManagedPolicy] {
  const role = new iam.Role(scope, `${name}Role`, { assumedBy: props.assumedBy });
  const policy = new iam.ManagedPolicy(scope, `${name}Policy`, {
    description: props.description,
    roles: [role],
    statements: props.statements ?? [],
  });
  return [role.withoutPolicyUpdates(), policy];
}
