run "disks_get_the_tags" {
  command = plan

  assert {
    condition     = local.storage_classes[0].parameters.tags == "owner=Web, 2nd floor\nproject=shop"
    error_message = "Each tag must stand on a line, whatever is in its value."
  }
}

run "a_class_is_replaced_since_its_parameters_can_not_change" {
  command = plan

  assert {
    condition     = local.storage_classes[0].metadata.annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"
    error_message = "Helm must delete the class before it makes it."
  }
}

run "a_kind_of_disk_that_is_none_is_refused" {
  command = plan

  variables {
    disk_sku = "UltraSSD_LRS"
  }

  expect_failures = [var.disk_sku]
}
