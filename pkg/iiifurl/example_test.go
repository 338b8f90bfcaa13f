package iiifurl_test

import (
	"errors"
	"fmt"

	"github.com/tessera-iiif/tessera/pkg/iiifurl"
)

func Example() {
	target, err := iiifurl.ParsePath(iiifurl.V3, "maps%2F1890/pct:25,25,50,50/1500,/0/color.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	source := iiifurl.Source{Width: 6000, Height: 4000}
	limits := iiifurl.Limits{MaxWidth: 3000}
	resolved, err := target.Request.Resolve(source, limits)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(target.ID)
	fmt.Printf("%+v\n", resolved.Region)
	fmt.Println(resolved.Width, "by", resolved.Height)
	fmt.Println(resolved.Canonical(iiifurl.V3, source, limits))
	fmt.Println(resolved.Canonical(iiifurl.V2, source, limits))
	// Output:
	// maps/1890
	// {X:1500 Y:1000 W:3000 H:2000}
	// 1500 by 1000
	// 1500,1000,3000,2000/1500,1000/0/default.jpg
	// 1500,1000,3000,2000/1500,/0/default.jpg
}

func ExampleParsePath() {
	target, err := iiifurl.ParsePath(iiifurl.V3, "ark:%2F12025%2F654xz321/info.json")
	fmt.Println(target.Kind == iiifurl.Info, target.ID, target.Spelling, err)
	// Output: true ark:/12025/654xz321 ark:%2F12025%2F654xz321 <nil>
}

func ExampleParseFromRight() {
	target, err := iiifurl.ParseFromRight(iiifurl.V2, "maps/1890/full/full/0/default.jpg")
	fmt.Println(target.ID, target.Request, err)
	// Output: maps/1890 full/full/0/default.jpg <nil>
}

func ExampleError() {
	_, err := iiifurl.ParsePath(iiifurl.V3, "map/full/max/quarter/default.jpg")
	var refusal *iiifurl.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status)
		fmt.Println(refusal.Message)
	}
	// Output:
	// 400
	// The rotation "quarter" cannot be read. Write degrees clockwise from 0 to 360, with a ! in front to mirror the image first.
}

func ExampleRequest_Resolve() {
	request, err := iiifurl.ParseRequest(iiifurl.V3, "full", "9000,", "0", "default.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = request.Resolve(iiifurl.Source{Width: 6000, Height: 4000}, iiifurl.Limits{})
	fmt.Println(err)
	// Output: The size "9000," is larger than the region, which is 6000 by 4000 pixels. Ask for that or less.
}

func ExampleLimits_Largest() {
	limits := iiifurl.Limits{MaxWidth: 3000, MaxArea: 4_000_000}
	fmt.Println(limits.Largest(6000, 4000))
	fmt.Println(limits.Largest(600, 400))
	// Output:
	// 2449 1632
	// 600 400
}

func ExampleEscapeIdentifier() {
	fmt.Println(iiifurl.EscapeIdentifier("maps/1890/sheet 04"))
	// Output: maps%2F1890%2Fsheet%2004
}
