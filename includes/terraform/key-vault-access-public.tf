  #checkov:skip=CKV_AZURE_109: secrets are written from CI runners outside the network; Entra ID decides who may
  #checkov:skip=CKV_AZURE_189: secrets are written from CI runners outside the network; Entra ID decides who may
  #checkov:skip=CKV2_AZURE_32: secrets are written from CI runners outside the network
