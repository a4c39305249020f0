"""The tests of test_signatures.py that sign or verify, with cosign itself."""

from tests.test_signatures import (  # noqa: F401
    ours,
    release,
    test_a_promotion_of_what_is_not_signed_is_not_proposed,
    test_a_tag_of_another_commit_is_refused,
    test_an_image_that_nobody_has_signed_is_refused,
    test_an_invented_digest_is_refused,
    test_another_key_is_refused,
    test_another_repository_signs_for_the_service_that_is_its_own,
    test_another_run_than_that_of_the_commit_is_refused,
    test_no_other_run_signs_for_a_service_of_another_repository,
    test_one_that_is_not_signed_keeps_back_the_others,
    test_the_image_of_another_service_is_refused,
    test_what_people_have_merged_unsigned_is_put_back,
    test_what_the_build_has_signed_is_deployed,
)
