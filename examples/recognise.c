/* Recognise activities on a small device.  otolith export student student.h && cc -std=c99 -O2 recognise.c -lm
   Reads samples, a line of one value of each channel, as the head of student.h names them. */
#include <stdio.h>
#include <string.h>
#include "student.h"

int main(void) {
    float window[OTOLITH_CHANNELS][OTOLITH_STEPS], p[OTOLITH_ACTIVITIES];
    int channel = 0, filled = 0;
    while (scanf("%f%*[, ]", &window[channel][filled]) == 1) {
        if (++channel < OTOLITH_CHANNELS) continue;
        channel = 0;
        if (++filled < OTOLITH_STEPS) continue;
        printf("%s\n", otolith_activity(otolith_predict(&window[0][0], p)));
        filled -= OTOLITH_HOP;
        for (int c = 0; c < OTOLITH_CHANNELS; c++) memmove(window[c], window[c] + OTOLITH_HOP, filled * sizeof(float));
    }
    return 0;
}
