// A change request is checked. What people change in apps/ on the main branch is followed until it is
// healthy; image tags that are not, or whose images are not signed, are put back.
