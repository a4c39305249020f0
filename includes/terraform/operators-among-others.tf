# Azure refuses the same role at the same scope twice: leave out who applied first.
