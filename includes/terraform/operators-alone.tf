# For the whole group, which holds one vault and one cluster: Azure refuses the same role at the same scope twice, and the
# first one to apply may be named here too.
