  in_root test
