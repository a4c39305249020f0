run "every_rule_file_reaches_azure_whole" {
  command = plan

  assert {
    condition = toset(flatten([
      for name in fileset(path.module, "alerts/*.yaml") : [
        for group in yamldecode(file("${path.module}/${name}")).groups : [for rule in group.rules : rule.alert]
      ]
    ])) == toset(flatten([for group in azurerm_monitor_alert_prometheus_rule_group.this : [for rule in group.rule : rule.alert]]))
    error_message = "An alert that is in Git and not in Azure tells nobody."
  }
}

run "alerts_fire_as_the_rule_files_say" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for name, group in azurerm_monitor_alert_prometheus_rule_group.this : [
        for index, rule in group.rule : [
          rule.enabled,
          rule.expression == trimspace(local.alert_groups[name].rules[index].expr),
          rule.for == "PT${upper(local.alert_groups[name].rules[index].for)}",
        ]
      ]
    ]))
    error_message = "Expression and duration must be those of the file."
  }
}

run "durations_are_those_of_iso_8601" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for group in azurerm_monitor_alert_prometheus_rule_group.this : [
        can(regex("^PT([1-9]|1[0-5])M$", group.interval)),
        [for rule in group.rule : can(regex("^PT[1-9][0-9]*[SMH]$", rule.for))],
      ]
    ]))
    error_message = "Prometheus writes 5m, Azure PT5M; rules are evaluated every 1 to 15 minutes."
  }
}

run "severities_are_those_of_azure" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for name, group in azurerm_monitor_alert_prometheus_rule_group.this : [
        for index, rule in group.rule :
        rule.severity == { critical = 1, warning = 2 }[local.alert_groups[name].rules[index].labels.severity]
      ]
    ]))
    error_message = "critical is 1, warning is 2."
  }
}

run "every_alert_says_what_is_wrong_and_what_to_do" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for group in azurerm_monitor_alert_prometheus_rule_group.this : [
        for rule in group.rule : length(rule.annotations.summary) > 0 && length(rule.annotations.description) > 0
      ]
    ]))
    error_message = "Whoever is woken up must know what to do."
  }
}

run "what_is_over_is_called_so" {
  command = plan

  assert {
    condition = alltrue(flatten([
      for group in azurerm_monitor_alert_prometheus_rule_group.this : [for rule in group.rule : rule.alert_resolution[0].auto_resolved]
    ]))
    error_message = "An alert that never ends hides the next one."
  }
}

run "rules_ask_this_cluster_only" {
  command = plan

  assert {
    condition     = alltrue([for group in azurerm_monitor_alert_prometheus_rule_group.this : group.cluster_name == var.cluster_name])
    error_message = "Metrics of another cluster must not hide what this one lacks."
  }
}

run "whoever_is_named_is_written_to" {
  command = plan

  variables {
    alert_emails = ["team@example.com", "on-call@example.com"]
  }

  assert {
    condition     = toset([for receiver in azurerm_monitor_action_group.alerts.email_receiver : receiver.email_address]) == toset(["team@example.com", "on-call@example.com"])
    error_message = "Each address must be a receiver."
  }

  assert {
    condition     = length(azurerm_monitor_action_group.alerts.short_name) <= 12
    error_message = "Azure takes 12 characters."
  }
}

run "nobody_is_written_to_unless_named" {
  command = plan

  assert {
    condition     = length(azurerm_monitor_action_group.alerts.email_receiver) == 0
    error_message = "Alerts then show in the portal only."
  }
}

run "a_name_is_no_address" {
  command = plan

  variables {
    alert_emails = ["the team"]
  }

  expect_failures = [var.alert_emails]
}
