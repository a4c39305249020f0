  #checkov:skip=CKV_AZURE_59: CI runners outside the network read and write the state; Entra ID decides who may
  #checkov:skip=CKV2_AZURE_33: CI runners outside the network read and write the state
