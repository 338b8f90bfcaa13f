package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/tessera-iiif/tessera/internal/tile"
)

// What a store can answer besides what was asked for. All else is a failure.
var (
	errMissing  = errors.New("no such object")
	errReplaced = errors.New("the object has another version now")
	errDenied   = errors.New("the store refuses access")
)

// failure is a call that says something about the store's health and nothing about
// the object.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

var (
	errSlow      = errors.New("the store was too slow")
	errLeftAlone = errors.New("the store failed repeatedly and is left alone for a moment")
)

// falsehood is an answer other than what was asked for. Nothing of it is used.
type falsehood string

func (f falsehood) Error() string { return "the store answers wrongly: " + string(f) }

// answered is an error of ours about an answer that was in order.
type answered struct{ error }

func (a answered) Unwrap() error { return a.error }

// unknownUser is what versitygw calls an access key it does not know, with status 404.
const unknownUser = "XAdminUserNotFound"

// classify brings an error of minio-go or of the network into the terms above.
func classify(err error) error {
	var answer minio.ErrorResponse
	var lie falsehood
	var fine answered
	switch {
	case err == nil, isFailure(err), errors.As(err, &lie), errors.As(err, &fine), errors.Is(err, errReplaced):
		return err
	case !errors.As(err, &answer):
		return failure{err}
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		if answer.Code == unknownUser {
			return fmt.Errorf("%w: %w", errDenied, err)
		}
		return fmt.Errorf("%w: %w", errMissing, err)
	case http.StatusPreconditionFailed:
		return errReplaced
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%w: %w", errDenied, err)
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return failure{err}
	}
	if answer.Code == "KeyTooLongError" || answer.Code == minio.XMinioInvalidObjectName { // no object can have this name
		return fmt.Errorf("%w: %w", errMissing, err)
	}
	if answer.StatusCode >= 400 && answer.StatusCode < 500 {
		return err
	}
	return failure{err}
}

func isFailure(err error) bool {
	var f failure
	return errors.As(err, &f)
}

// worthRetrying: failures that another try may not meet.
func worthRetrying(err error) bool {
	return isFailure(err) && !errors.Is(err, errLeftAlone) && !errors.Is(err, errSlow)
}

// outcome makes an error that may travel. missing is the code for an object that is
// not there.
func outcome(err error, missing tile.Code) error {
	var known *tile.Error
	var lie falsehood
	switch {
	case err == nil, errors.As(err, &known), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !isFailure(err):
		return err
	case errors.Is(err, errMissing):
		return tile.Fail(missing, "", err)
	case errors.Is(err, errReplaced):
		return tile.Fail(tile.Changed, "", err)
	case isFailure(err):
		return tile.Fail(tile.Unavailable, "The image store does not answer at the moment.", err)
	case errors.As(err, &lie):
		return tile.Fail(tile.Internal, "The image store gives wrong answers.", err)
	}
	return tile.Fail(tile.Internal, "", err)
}
