# The gate between plan and deploy: the state goes where it belongs, and the plan leaves that alone.
#
# Input:
#   plan       what `terraform show -json` says of the saved plan
#   backend    .terraform/terraform.tfstate, which `terraform init` wrote, or its block `backend`
#   published  the SSM parameter /statehold/backend
#
# `passed` is not there unless all of that is, and no rule of `deny` is broken: ask for it with
# `opa eval --fail`, so that a gate that was not found does not let anything through.
package statehold

import rego.v1

passed if {
	input_is_whole
	count(deny) == 0
}

input_is_whole if {
	is_object(input.plan.configuration)
	is_object(backend.config)
	is_string(input.published.bucket)
}

deny contains "The input needs plan, backend and published, each as a whole" if not input_is_whole

# Where the state goes.

backend := object.get(input.backend, "backend", input.backend)

deny contains msg if {
	backend.type != "s3"
	msg := sprintf("The backend is of type %v: the vended one is of type s3", [backend.type])
}

deny contains msg if {
	some name, value in input.published
	object.get(backend.config, name, null) != value
	msg := sprintf("%v is not as it is published: %v", [
		name, object.get(reasons, name, "two clients would not understand each other"),
	])
}

deny contains "No lock mode is on: two runs could write at once" if {
	not backend.config.use_lockfile
	not locks_with_table
}

locks_with_table if backend.config.dynamodb_table != ""

reasons := {
	"bucket": "the state would go to a bucket that nobody vended",
	"region": "there is no such bucket there",
	"encrypt": "with kms_key_id, it makes the client name the right key",
	"kms_key_id": "the full ARN, or S3 takes another key and the bucket refuses it",
	"use_lockfile": "two runs could write at once",
	"dynamodb_table": "two runs could write at once",
	"workspace_key_prefix": "no policy knows another place for workspaces",
	"allowed_account_ids": "credentials of another account would be noticed too late",
}

# What a module may choose for itself. All else decides where the state goes, or as whom.
free := {"key", "max_retries", "retry_mode"}

# What Terraform takes for an argument that is not given.
defaults := {"workspace_key_prefix": "env:"}

deny contains msg if {
	some name, given in backend.config
	not name in free
	not name in object.keys(input.published)
	not given in {null, "", object.get(defaults, name, null)}
	msg := sprintf("%v is given in the backend, and none is published: leave it out", [name])
}

deny contains "key is not filled in: it must name this module, and no other one" if not has_a_key

has_a_key if {
	is_string(backend.config.key)
	backend.config.key != ""
	not contains(backend.config.key, "<")
}

# What the plan does. Only what Terraform names by its type is seen: a CloudFormation stack, or a resource
# of the Cloud Control API, can hold anything.

deny contains msg if {
	some resource in object.get(input.plan, "resource_changes", [])
	is_of_a_backend(resource.type)
	does_something(resource.change)
	some side in ["before", "after"]
	is_object(resource.change[side]) # and null before it is made, or after its end
	some value in resource.change[side]
	some name in ours
	is_about(value, name)
	msg := sprintf("%v %v is about %v, which is part of the backend: only Statehold changes it", [
		resource.address, resource.change.actions, name,
	])
}

is_of_a_backend(type) if {
	some prefix in ["aws_dynamodb_", "aws_kms_", "aws_s3_", "aws_ssm_parameter"]
	startswith(type, prefix)
}

# To forget a thing leaves it where it is: that is how a state gets rid of what it should not have.
does_something(change) if {
	some action in change.actions
	not action in {"no-op", "read", "forget"}
}

does_something(change) if change.importing

ours contains input.published.bucket

ours contains input.published.dynamodb_table

ours contains id if [_, id] := split(input.published.kms_key_id, "/")

ours contains name if some name in ["alias/statehold", "statehold/backend", "statehold/backend.hcl"]

# By its name, or by an ARN.
is_about(value, name) if value == name

is_about(value, name) if {
	is_string(value)
	some separator in [":", "/"]
	endswith(value, concat("", [separator, name]))
}
