# A root module as a team has it, but for its resources: terraform_data is built in, so that nothing
# has to be downloaded to try this.

terraform {
  required_version = ">= 1.10" # the first that locks with a file

  # The pipeline fills this in from the SSM parameter /statehold/backend, and gives it its key.
  backend "s3" {}
}

variable "release" {
  description = "What is rolled out."
  type        = string
  default     = "1"
}

resource "terraform_data" "service" {
  input = var.release
}

output "release" {
  value = terraform_data.service.output
}
