// Judges requests with iam-simulate: JSON lines in, JSON lines out, in their order.
//
// In:  {"policy": <name>, "document": {…}}         a policy, for the lines after it
//      {"resourcePolicy": <name> | null, "identityPolicy": <name> | null, "request": {…}}
// Out: {"answer": "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied" | "error: …",
//       "ignored": [condition keys that AWS's lists do not have for the action]}

import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const policies = new Map()

async function judged({ resourcePolicy, identityPolicy, request }) {
  const identity = policies.get(identityPolicy)
  const found = await runSimulation(
    {
      request,
      identityPolicies: identity ? [{ name: identityPolicy, policy: identity }] : [],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policies.get(resourcePolicy)
    },
    {}
  )
  return found.resultType === 'single'
    ? { answer: found.overallResult, ignored: found.result.ignoredContextKeys ?? [] }
    : { answer: `error: ${JSON.stringify(found.errors ?? found.resultType)}`, ignored: [] }
}

const out = []
for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line)
  if ('policy' in told) policies.set(told.policy, told.document)
  else out.push(JSON.stringify(await judged(told)))
}
process.stdout.write(out.map((line) => `${line}\n`).join(''))
