#include "model/column.h"

const char *gv_result_type_text(enum gv_result_type type)
{
    static const char *const texts[] = {[GV_RESULT_NONE] = "none",
                                        [GV_RESULT_SCALAR] = "scalar",
                                        [GV_RESULT_STRING] = "string",
                                        [GV_RESULT_VECTOR] = "vector",
                                        [GV_RESULT_MATRIX] = "matrix"};
    return texts[type];
}
