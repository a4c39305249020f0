    # What is there, and is not in the state, may be somebody else's: it is refused, and not overwritten.
    skip_import_check_on_create_and_allow_overwriting_existing_resources = false
