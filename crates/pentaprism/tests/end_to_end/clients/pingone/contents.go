package main

import "os"

// The picture for the sample. A string of Go holds any bytes.
func contents() string {
	bytes, err := os.ReadFile("200.jpg")
	if err != nil {
		panic(err)
	}
	return string(bytes)
}
