  #checkov:skip=CKV_AZURE_139: hosted CI runners push from outside the network; Entra ID decides who may
