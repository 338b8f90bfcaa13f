// Package authz decides who may see which image.
//
// A list of [Rule] values is compiled once into a [Policy]; the policy then
// answers, for a reader and an image, with a [Decision]. The first rule with a
// pattern that matches the image decides; where none does, the default decides.
// Deciding reads nothing but its arguments, so it can be repeated, cached until the
// instant that the decision names, and explained.
//
// # Patterns
//
// Patterns match whole identifiers, case-sensitively, as paths of segments
// between slashes:
//
//	maps/1890/sheet-04   this image
//	maps/*/sheet-0*      * is any run of characters within one segment, even none
//	maps/**              ** crosses slashes: everything below maps
//	**/covers/*          a leading **/ or a /**/ also stands for no segment at all:
//	                     covers/a, books/covers/a, books/rare/covers/a
//	ms-17**              every identifier that begins with ms-17
//
// No other character is special.
//
// # Access
//
//	open      everyone
//	login     everyone who is signed in
//	groups    members of one of the rule's groups
//	networks  readers in one of the rule's networks
//	hook      whoever another system lets in, which the caller asks
//	hidden    members of one of the rule's groups, if it lists any; for all others
//	          the image does not exist
//	deny      nobody
//
// With login, groups and hidden, networks let readers in besides. Terms are for whoever
// would be let in. A rule with a time counts in that time alone; outside it, it is as if
// it were not there. A tier is a smaller image that is there for everyone else.
//
// Administrators manage rules; they see no more images than the rules give them.
package authz
