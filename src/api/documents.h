/* The documents that routes.c names; each in the file of its subject. */
#pragma once
#include "api/document.h"

extern const struct document document_labels, document_values, document_series;               /* labels.c */
extern const struct document document_exemplars;                                              /* exemplars.c */
extern const struct document document_metadata, document_target_metadata;                     /* metadata.c */
extern const struct document document_targets, document_scrape_pools, document_alertmanagers; /* targets.c */
extern const struct document document_rules, document_alerts;                                 /* rules.c */
extern const struct document document_config, document_runtimeinfo, document_tsdb;            /* backend_status.c */
