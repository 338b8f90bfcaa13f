#ifndef TESSERA_VIPS_H
#define TESSERA_VIPS_H

// vips_tessera_allow_loaders blocks every loader but those of the registered formats,
// none of which reads a file by name.
void vips_tessera_allow_loaders(void);

// vips_tessera_load_avif opens libvips' HEIF module; nothing happens where there is none.
void vips_tessera_load_avif(void);

// memory_tune makes malloc keep the large buffers that every tile asks for again.
void memory_tune(void);
// memory_give_back returns what a large task has left behind to the system.
void memory_give_back(void);

// die_by_signal undoes the handlers by which Go turns a fault in C code into an exit
// status: the parent is to see the signal itself.
void die_by_signal(void);

void fault_crash(void);
void fault_exhaust(void);

#endif
