// A change request is checked, and the services it changes are tested and built. Every push to
// the main branch that changes source code is a release: build what changed, push it, sign it, deploy it to
// the first environment. What people change in apps/ is followed until it is healthy; image tags that are
// not, or whose images are not signed, are put back.
