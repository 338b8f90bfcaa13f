#!/usr/bin/env bash
# Makes the sample library in ./sample, once: images in the recommended JPEG 2000
# profile, a page of another format, a manifest, and rules that show what rules do.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-sample}
[ -e "$root/.complete" ] && exit 0
mkdir -p "$root/images/maps" "$root/images/mosaics" "$root/images/book" "$root/manifests"
CGO_ENABLED=0 go build -o bin/tessera-sample ./cmd/tessera-sample
work=$(mktemp -d -p "$root")
trap 'rm -rf "$work"' EXIT

# The recommended profile: RPCL, tiles 1024, precincts 256 (128 below), code-blocks
# 64, PLT and TLM, 9/7 at about 1.7 bits a pixel.
jp2() { # jp2 PICTURE OBJECT LEVELS
  echo "sample: painting $2"
  bin/tessera-sample "$1" "$work/$1.ppm"
  opj_compress -i "$work/$1.ppm" -o "$work/$1.jp2" -p RPCL -t 1024,1024 -c '[256,256],[256,256],[128,128]' \
    -b 64,64 -n "$3" -PLT -TLM -I -r 14 -threads "$(nproc)" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
  rm "$work/$1.ppm"
  mv "$work/$1.jp2" "$root/images/$2.jp2"
}
jp2 mosaic mosaics/floor 6
jp2 folio-1 book/1r 5
jp2 folio-2 book/1v 5
jp2 folio-3 book/2r 5
jp2 island maps/insulae-tesserae 7

cat > "$root/rules.json" <<'JSON'
{"items": [
  {"name": "Mosaics are for everybody", "images": ["mosaics/**"], "access": "open"},
  {"name": "The first page is a taster", "images": ["book/1r"], "access": "open"},
  {"name": "The book is for staff", "images": ["book/**"], "access": "groups", "groups": ["staff"]},
  {"name": "Maps need a sign-in", "images": ["maps/**"], "access": "login"}
]}
JSON
# A stored manifest, written for another host: ids and sign-in services are put right
# as it is served.
cat > "$root/manifests/book.json" <<'JSON'
{
 "@context": "http://iiif.io/api/presentation/3/context.json",
 "id": "https://iiif.example.org/iiif/manifests/book.json",
 "type": "Manifest",
 "label": {
  "la": [
   "Commentarii"
  ]
 },
 "summary": {
  "en": [
   "Three leaves of a book that was never written. The first is open, the others are for staff."
  ]
 },
 "items": [
  {
   "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1r",
   "type": "Canvas",
   "label": {
    "none": [
     "1 recto"
    ]
   },
   "width": 2480,
   "height": 3508,
   "items": [
    {
     "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1r/page",
     "type": "AnnotationPage",
     "items": [
      {
       "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1r/page/image",
       "type": "Annotation",
       "motivation": "painting",
       "target": "https://iiif.example.org/iiif/manifests/book.json/canvas/1r",
       "body": {
        "id": "https://iiif.example.org/iiif/2/book%2F1r/full/max/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        "width": 2480,
        "height": 3508,
        "service": [
         {
          "@id": "https://iiif.example.org/iiif/2/book%2F1r",
          "@type": "ImageService2",
          "profile": "http://iiif.io/api/image/2/level2.json"
         }
        ]
       }
      }
     ]
    }
   ]
  },
  {
   "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1v",
   "type": "Canvas",
   "label": {
    "none": [
     "1 verso"
    ]
   },
   "width": 2480,
   "height": 3508,
   "items": [
    {
     "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1v/page",
     "type": "AnnotationPage",
     "items": [
      {
       "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/1v/page/image",
       "type": "Annotation",
       "motivation": "painting",
       "target": "https://iiif.example.org/iiif/manifests/book.json/canvas/1v",
       "body": {
        "id": "https://iiif.example.org/iiif/2/book%2F1v/full/max/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        "width": 2480,
        "height": 3508,
        "service": [
         {
          "@id": "https://iiif.example.org/iiif/2/book%2F1v",
          "@type": "ImageService2",
          "profile": "http://iiif.io/api/image/2/level2.json"
         }
        ]
       }
      }
     ]
    }
   ]
  },
  {
   "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/2r",
   "type": "Canvas",
   "label": {
    "none": [
     "2 recto"
    ]
   },
   "width": 2480,
   "height": 3508,
   "items": [
    {
     "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/2r/page",
     "type": "AnnotationPage",
     "items": [
      {
       "id": "https://iiif.example.org/iiif/manifests/book.json/canvas/2r/page/image",
       "type": "Annotation",
       "motivation": "painting",
       "target": "https://iiif.example.org/iiif/manifests/book.json/canvas/2r",
       "body": {
        "id": "https://iiif.example.org/iiif/2/book%2F2r/full/max/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        "width": 2480,
        "height": 3508,
        "service": [
         {
          "@id": "https://iiif.example.org/iiif/2/book%2F2r",
          "@type": "ImageService2",
          "profile": "http://iiif.io/api/image/2/level2.json"
         }
        ]
       }
      }
     ]
    }
   ]
  }
 ]
}
JSON
touch "$root/.complete"
