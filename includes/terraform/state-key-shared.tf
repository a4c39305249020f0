    key                  = "#{ cluster_name }#/#{ root }#.tfstate"
