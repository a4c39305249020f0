    # What an interrupted run has made, and not noted, is taken over instead of refused. It is safe here because all is in a
    # resource group of its own: make up refuses one that was there before.
    skip_import_check_on_create_and_allow_overwriting_existing_resources = true
