  #checkov:skip=CKV_AZURE_59: people restore from outside the network; Entra ID decides who may
  #checkov:skip=CKV2_AZURE_33: people restore from outside the network
