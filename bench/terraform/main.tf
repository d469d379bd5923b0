# The same end state as ours, by provider-aws: one account, one Region, every default but the log
# bucket. The documents come from bench/end_state.py; the key's ARN stands in them as KEY_ARN.

variable "bucket" { type = string }
variable "bucket_policy" { type = string }
variable "key_policy" { type = string }
variable "parameters" { type = map(string) }
variable "tags" { type = map(string) }

terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  s3_use_path_style = true # the double is at an IP address
}

resource "aws_kms_key" "states" {
  policy              = var.key_policy
  enable_key_rotation = true
  tags                = var.tags
}

resource "aws_kms_alias" "states" {
  name          = "alias/statehold"
  target_key_id = aws_kms_key.states.arn
}

resource "aws_s3_bucket" "states" {
  bucket = var.bucket
  tags   = var.tags
}

resource "aws_s3_bucket_public_access_block" "states" {
  bucket                  = aws_s3_bucket.states.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "states" {
  bucket = aws_s3_bucket.states.id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_versioning" "states" {
  bucket = aws_s3_bucket.states.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "states" {
  bucket = aws_s3_bucket.states.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.states.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "states" {
  bucket     = aws_s3_bucket.states.id
  depends_on = [aws_s3_bucket_versioning.states]
  rule {
    id     = "leftovers"
    status = "Enabled"
    filter { prefix = "" }
    expiration { expired_object_delete_marker = true }
    abort_incomplete_multipart_upload { days_after_initiation = 7 }
  }
  rule {
    id     = "versions"
    status = "Enabled"
    filter { prefix = "" }
    noncurrent_version_expiration {
      noncurrent_days           = 365
      newer_noncurrent_versions = 100
    }
  }
}

resource "aws_s3_bucket_policy" "states" {
  bucket     = aws_s3_bucket.states.id
  policy     = replace(var.bucket_policy, "KEY_ARN", aws_kms_key.states.arn)
  depends_on = [aws_s3_bucket_public_access_block.states]
}

resource "aws_ssm_parameter" "states" {
  for_each   = var.parameters
  name       = each.key
  type       = "String"
  value      = replace(each.value, "KEY_ARN", aws_kms_key.states.arn)
  depends_on = [aws_s3_bucket_policy.states]
}
