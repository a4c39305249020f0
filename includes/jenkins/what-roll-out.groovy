// A change request is checked. What people change in apps/ on the main branch, by merging a promotion or
// a change of their own, is followed until it is healthy; image tags that are not, or whose images are not
// signed, are put back.
