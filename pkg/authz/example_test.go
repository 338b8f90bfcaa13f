package authz_test

import (
	"fmt"
	"time"

	"github.com/tessera-iiif/tessera/pkg/authz"
)

func Example() {
	policy, err := authz.Compile([]authz.Rule{
		{Name: "Title pages", Images: []string{"**/title"}, Access: authz.Open},
		{Name: "Donated maps", Images: []string{"maps/**"}, Access: authz.Groups, Groups: []string{"staff"}},
	}, authz.Login)
	if err != nil {
		fmt.Println(err)
		return
	}
	visitor := authz.Principal{}
	for _, image := range []string{"maps/1890/title", "maps/1890/sheet-04", "books/1"} {
		d := policy.Decide(visitor, image, time.Now())
		fmt.Printf("%s: %s. %s\n", image, d.Outcome, d.Reason)
	}
	// Output:
	// maps/1890/title: allow. Everyone may see this image.
	// maps/1890/sheet-04: need-login. Members of "staff" may see this image. Sign in if you are one of them.
	// books/1: need-login. Everyone who is signed in may see this image. Sign in to see it.
}

func ExampleCompile() {
	_, err := authz.Compile([]authz.Rule{
		{Name: "Maps", Images: []string{"/maps/**"}, Access: authz.Open},
		{Name: "Letters", Images: []string{"letters/**"}, Access: authz.Groups},
	}, authz.Login)
	fmt.Println(err)
	// Output:
	// rule 1 ("Maps"): pattern "/maps/**": it begins with a slash; leave that out
	// rule 2 ("Letters"): its access is groups but it names none; add a group, or set access to login
}
