module live/pause

go 1.26.0
