# No way in, and none out but to AWS.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/flow-logs" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/hashcore/connections" }
  }
}

variables {
  name    = "hashcore"
  zones   = ["eu-central-1a", "eu-central-1b"]
  key_arn = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

run "subnets_are_private_and_s3_is_reached_by_the_gateway" {
  module {
    source = "./modules/network"
  }

  assert {
    condition     = length(aws_subnet.private) == 2 && alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "A subnet is public, or missing."
  }
  assert {
    condition     = toset([for subnet in aws_subnet.private : subnet.cidr_block]) == toset(["10.40.0.0/20", "10.40.16.0/20"])
    error_message = "The subnets are not sixteenths of the network."
  }
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway" && aws_vpc_endpoint.s3.service_name == "com.amazonaws.eu-central-1.s3"
    error_message = "S3 would be reached by a way that costs by the byte."
  }
}

run "workers_send_nothing_to_the_internet" {
  module {
    source = "./modules/network"
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.workers.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.endpoints.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.s3.cidr_ipv4 == null
    error_message = "A rule opens a way out."
  }
}

run "an_endpoint_that_jobs_need_cannot_be_left_out" {
  command = plan
  module {
    source = "./modules/network"
  }
  variables {
    interface_endpoints = ["kms"]
  }
  expect_failures = [var.interface_endpoints]
}

run "one_zone_is_refused" {
  command = plan
  module {
    source = "./modules/network"
  }
  variables {
    zones = ["eu-central-1a"]
  }
  expect_failures = [var.zones]
}
